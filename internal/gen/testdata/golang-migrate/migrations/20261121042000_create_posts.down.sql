SELECT yore.untrack('posts', 'drop');
DROP TABLE posts;
