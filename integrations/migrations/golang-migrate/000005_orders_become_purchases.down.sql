SELECT yore.rename_table('purchases', 'orders');
SELECT yore.alter_table('orders', 'DROP CONSTRAINT orders_customer_id_fkey, ADD COLUMN note text');
