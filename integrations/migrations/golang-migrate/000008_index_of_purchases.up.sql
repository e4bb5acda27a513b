CREATE INDEX CONCURRENTLY purchases_ordered_on_idx ON temporal.purchases (ordered_on);
