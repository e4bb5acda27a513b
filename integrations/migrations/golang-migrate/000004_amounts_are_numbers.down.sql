SELECT yore.alter_table('orders', $$ALTER COLUMN amount TYPE text USING replace(amount::text, '.', ',')$$);
SELECT yore.rename_column('customers', 'full_name', 'name');
