---- tern: disable-tx ----
CREATE INDEX CONCURRENTLY purchases_ordered_on_idx ON temporal.purchases (ordered_on);
CREATE INDEX CONCURRENTLY purchases_ordered_on_idx_past ON temporal.purchases_past (ordered_on);

---- create above / drop below ----

---- tern: disable-tx ----
DROP INDEX CONCURRENTLY temporal.purchases_ordered_on_idx;
DROP INDEX CONCURRENTLY temporal.purchases_ordered_on_idx_past;
