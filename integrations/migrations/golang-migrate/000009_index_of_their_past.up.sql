CREATE INDEX CONCURRENTLY purchases_ordered_on_idx_past ON temporal.purchases_past (ordered_on);
