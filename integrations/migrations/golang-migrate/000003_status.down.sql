SELECT yore.drop_column('orders', 'status');
