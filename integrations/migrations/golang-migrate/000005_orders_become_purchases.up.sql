SET LOCAL lock_timeout = '3s';
UPDATE orders SET note = NULL WHERE note IS NOT NULL;
SELECT yore.drop_column('orders', 'note');
SELECT yore.add_foreign_key('orders', '{customer_id}', 'customers');
SELECT yore.rename_table('orders', 'purchases');
