SET LOCAL lock_timeout = '3s';
SELECT yore.rename_column('customers', 'name', 'full_name');
SELECT yore.alter_table('orders', $$ALTER COLUMN amount TYPE numeric(12, 2) USING replace(amount, ',', '.')::numeric$$);

---- create above / drop below ----

SELECT yore.alter_table('orders', $$ALTER COLUMN amount TYPE text USING replace(amount::text, '.', ',')$$);
SELECT yore.rename_column('customers', 'full_name', 'name');
