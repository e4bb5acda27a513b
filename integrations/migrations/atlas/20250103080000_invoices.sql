SELECT yore.create_immutable_table('invoices', $$
  purchase_id bigint NOT NULL REFERENCES purchases (id),
  number      text NOT NULL UNIQUE,
  total       numeric(12, 2) NOT NULL
$$);
CREATE INDEX ON temporal.invoices (purchase_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices TO shop;
SELECT yore.grant_history('invoices', 'shop');
