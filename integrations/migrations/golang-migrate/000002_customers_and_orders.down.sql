SELECT yore.drop_table('orders', 'drop');
SELECT yore.drop_table('customers', 'drop');
