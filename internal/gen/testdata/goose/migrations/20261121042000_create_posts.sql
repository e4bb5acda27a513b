-- +goose Up
SELECT yore.create_immutable_table('posts', $$
  title            text        NOT NULL UNIQUE,
  body             text        NOT NULL,
  author_entity_id uuid        NOT NULL REFERENCES users (entity_id),
  tags             text[]      NOT NULL DEFAULT '{}',
  status           text        NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published')),
  published_at     timestamptz
$$);
CREATE INDEX ON temporal.posts (author_entity_id);
CREATE INDEX ON temporal.posts (published_at);

-- +goose Down
SELECT yore.untrack('posts', 'drop');
DROP TABLE posts;
