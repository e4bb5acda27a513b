SELECT yore.untrack('customers');
