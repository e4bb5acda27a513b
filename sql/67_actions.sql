-- Reading what stands behind ALTER TABLE, as far as is needed to know beforehand
-- what it will touch. What it does is left to PostgreSQL.

CREATE OR REPLACE FUNCTION yore._token(rest text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
  token text := coalesce(
    pg_catalog.substring(rest, '^(?:\s+|--[^\n\r]*)+'),
    pg_catalog.substring(rest, '^/\*(?:[^*]|\*+[^*/])*\*+/'),
    pg_catalog.substring(rest, '^[eE]''(?:[^''\\]|\\.|'''')*'''),
    CASE WHEN pg_catalog.current_setting('standard_conforming_strings') = 'off' THEN pg_catalog.substring(rest, '^''(?:[^''\\]|\\.|'''')*''') END,
    pg_catalog.substring(rest, '^(?:[bBxXnN]|[uU]&)?''(?:[^'']|'''')*'''),
    pg_catalog.substring(rest, '^(?:[uU]&)?"(?:[^"]|"")*"'),
    pg_catalog.substring(rest, '^[[:alpha:]_][[:alnum:]_$]*'),
    pg_catalog.substring(rest, '^[0-9]+(?:\.[0-9]+)?'),
    pg_catalog.substring(rest, '^\$(?:[[:alpha:]_][[:alnum:]_]*)?\$'));
  ends  integer;
BEGIN
  IF token LIKE '$%' THEN
    ends := pg_catalog.strpos(pg_catalog.substr(rest, pg_catalog.length(token) + 1), token);
    RETURN CASE WHEN ends > 0 THEN pg_catalog.left(rest, ends - 1 + 2 * pg_catalog.length(token)) ELSE '$' END;
  END IF;
  RETURN coalesce(token, pg_catalog.left(rest, 1));
END
$$;
COMMENT ON FUNCTION yore._token(text) IS
  'The first token of a piece of SQL: white space or a comment, a string, a name, a number, else one character. An opening quote that nothing closes comes alone. (PostgreSQL documentation, 4.1 Lexical Structure.)';

CREATE OR REPLACE FUNCTION yore._name_of(token text) RETURNS name
LANGUAGE sql IMMUTABLE
AS $$
  SELECT (CASE WHEN token LIKE '"%' THEN pg_catalog.replace(pg_catalog.substr(token, 2, pg_catalog.length(token) - 2), '""', '"')
               ELSE pg_catalog.lower(token) END)::name
$$;
COMMENT ON FUNCTION yore._name_of(text) IS 'The name that a token writes, quoted or not.';

CREATE OR REPLACE FUNCTION yore._actions(action text, what text DEFAULT 'action of ALTER TABLE',
  hint text DEFAULT 'Write what follows the table''s name in ALTER TABLE, as in yore.alter_table(''t'', ''ADD COLUMN note text''); several with commas between.')
RETURNS TABLE (words text[], using_expression text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rest  text := action;
  token text;
  depth integer := 0;
  begun boolean := false;   -- USING has been read
  odd   text;
BEGIN
  words := '{}';
  WHILE rest <> '' LOOP
    token := yore._token(rest);
    rest := pg_catalog.substr(rest, pg_catalog.length(token) + 1);
    depth := depth + CASE WHEN token IN ('(', '[') THEN 1 WHEN token IN (')', ']') THEN -1 ELSE 0 END;
    odd := CASE WHEN token = ';' THEN 'it has a semicolon'
                WHEN token IN ('''', '"', '$') THEN 'a quote is not closed'
                WHEN token = '/' AND rest LIKE '*%' OR token LIKE '/*%/*%' THEN 'it has a comment within a comment, or one that is not closed'
                WHEN depth < 0 THEN 'a parenthesis is closed that was not opened' END;
    EXIT WHEN odd IS NOT NULL;
    IF token = ',' AND depth = 0 THEN
      RETURN NEXT;
      words := '{}';
      using_expression := NULL;
      begun := false;
      CONTINUE;
    END IF;
    IF begun THEN
      using_expression := coalesce(using_expression, '') || token;
    END IF;
    IF token !~ '^(\s|--|/\*)' THEN
      words := words || token;
      begun := begun OR depth = 0 AND pg_catalog.upper(token) = 'USING';
    END IF;
  END LOOP;
  odd := coalesce(odd, CASE WHEN depth > 0 THEN 'a parenthesis is not closed' WHEN words = '{}' THEN 'it is empty' END);
  IF odd IS NOT NULL OR action IS NULL THEN
    PERFORM yore._fail('YO024', pg_catalog.format('%s is no %s: %s', pg_catalog.quote_nullable(action), what, coalesce(odd, 'it is NULL')), hint);
  END IF;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION yore._actions(text, text, text) IS
  'The comma-separated actions of an ALTER TABLE: their tokens without white space and comments, and the expression behind USING. Error YO024 for what cannot be actions: a semicolon, an open quote or parenthesis, nothing at all.';

CREATE OR REPLACE FUNCTION yore._action_kind(words text[]) RETURNS TABLE (kind text, column_name name)
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
  w     text[] := ARRAY(SELECT pg_catalog.upper(u.word) FROM pg_catalog.unnest(words) WITH ORDINALITY AS u (word, place) ORDER BY u.place);
  first integer := 2;   -- where the name stands
BEGIN
  IF w[2] = 'COLUMN' THEN
    first := 3;
  END IF;
  IF w[first] = 'IF' THEN
    first := first + CASE WHEN w[first + 1] = 'NOT' THEN 3 ELSE 2 END;
  END IF;
  column_name := yore._name_of(words[first]);
  kind := CASE
    WHEN w[1] = 'ADD' AND (w[2] = 'COLUMN' OR w[2] NOT IN ('CONSTRAINT', 'CHECK', 'UNIQUE', 'PRIMARY', 'FOREIGN', 'EXCLUDE', 'NOT')) THEN 'add'
    WHEN w[1] = 'DROP' AND w[2] <> 'CONSTRAINT' THEN 'drop'
    WHEN w[1] = 'ALTER' AND w[2] <> 'CONSTRAINT' AND (w[first + 1] = 'TYPE' OR w[first + 1] = 'SET' AND w[first + 2] = 'DATA') THEN 'retype'
    WHEN w[1] = 'ALTER' AND w[2] <> 'CONSTRAINT' AND w[first + 2] = 'EXPRESSION' THEN 'shape'
    WHEN w[1] = 'RENAME' AND w[2] = 'TO' OR w[1] = 'SET' AND w[2] = 'SCHEMA' THEN 'move'
    WHEN w[1] = 'RENAME' AND w[2] <> 'CONSTRAINT' THEN 'rename'
    WHEN w[1] = 'OWNER' OR w[pg_catalog.cardinality(w)] = 'SECURITY' THEN 'shape'
    WHEN w[1] IN ('ATTACH', 'DETACH') THEN 'shape'
    WHEN w[1] = 'DISABLE' AND w[2] = 'TRIGGER' AND w[3] IN ('ALL', 'USER') THEN 'untrigger'
    ELSE 'other' END;
  IF kind NOT IN ('add', 'drop', 'retype', 'rename') THEN
    column_name := CASE WHEN w[1] = 'ALTER' AND w[2] <> 'CONSTRAINT' THEN column_name END;
  END IF;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION yore._action_kind(text[]) IS
  'What an action does to a tracked table: add, drop, retype or rename a column; move: another name or schema; shape: something else that its past, triggers or faces must follow; untrigger: turns yore''s triggers off; other: nothing that concerns them.';

CREATE OR REPLACE FUNCTION yore._unqualified(expression text, table_schema name, table_name name) RETURNS text
LANGUAGE plpgsql STABLE STRICT
AS $$
DECLARE
  rest   text := expression;
  tokens text[] := '{}';
  result text := '';
  n      integer := 1;
BEGIN
  WHILE rest <> '' LOOP
    tokens := tokens || yore._token(rest);
    rest := pg_catalog.substr(rest, pg_catalog.length(tokens[pg_catalog.cardinality(tokens)]) + 1);
  END LOOP;
  WHILE n <= pg_catalog.cardinality(tokens) LOOP
    IF tokens[n - 1] IS DISTINCT FROM '.' AND tokens[n + 1] = '.' AND tokens[n] ~ '^["[:alpha:]_]' THEN
      IF yore._name_of(tokens[n]) = table_schema AND tokens[n + 3] = '.' AND yore._name_of(tokens[n + 2]) = table_name THEN
        n := n + 4;
        CONTINUE;
      ELSIF yore._name_of(tokens[n]) = table_name THEN
        n := n + 2;
        CONTINUE;
      END IF;
    END IF;
    result := result || tokens[n];
    n := n + 1;
  END LOOP;
  RETURN result;
END
$$;
COMMENT ON FUNCTION yore._unqualified(text, name, name) IS
  'The expression with the columns of the table named without it, so that it can be asked of the past.';
