SELECT yore.drop_table('invoices', 'drop');
