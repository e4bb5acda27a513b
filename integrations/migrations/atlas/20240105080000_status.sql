SET LOCAL lock_timeout = '3s';
SELECT yore.add_column('orders', 'status', $$text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'sent'))$$);
SELECT yore.create_index('orders', '(customer_id, status)');
