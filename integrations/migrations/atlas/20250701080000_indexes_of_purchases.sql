-- atlas:txmode none

CREATE INDEX CONCURRENTLY purchases_ordered_on_idx ON temporal.purchases (ordered_on);
CREATE INDEX CONCURRENTLY purchases_ordered_on_idx_past ON temporal.purchases_past (ordered_on);
