DROP VIEW history.customers;
CREATE SCHEMA IF NOT EXISTS archive;
ALTER TABLE temporal.customers_past SET SCHEMA archive;
SELECT yore.track('customers');
SELECT yore.grant_history('customers', 'shop');
