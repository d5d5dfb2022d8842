-- SPDX-License-Identifier: Apache-2.0
-- What test_sqlite.py runs natively and in a VM: both must print the same.
.bail on
PRAGMA journal_mode = delete;
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, note BLOB);
CREATE INDEX item_name ON item (name);

BEGIN;
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO item SELECT i, 'item ' || (i * 7919 % 10007), i * 0.25, zeroblob(i % 300) FROM n;
COMMIT;
SELECT count(*), count(DISTINCT name), sum(price), sum(length(note)) FROM item;
SELECT id FROM item WHERE name = 'item 4711';
CREATE UNIQUE INDEX item_price ON item (price DESC);
SELECT id FROM item WHERE price < 2.0 ORDER BY price;

-- Each journal mode: a commit, a rollback, a savepoint.
PRAGMA journal_mode = truncate;
BEGIN; UPDATE item SET price = price + 10000 WHERE id % 3 = 0; COMMIT;
BEGIN; DELETE FROM item; ROLLBACK;
PRAGMA journal_mode = persist;
BEGIN; INSERT INTO item (name) VALUES ('kept'); SAVEPOINT s; DELETE FROM item WHERE id < 9000; ROLLBACK TO s; COMMIT;
PRAGMA journal_mode = wal;
BEGIN; UPDATE item SET note = hex(note) WHERE id % 2 = 0; COMMIT;
BEGIN; UPDATE item SET note = NULL; ROLLBACK;
SELECT count(*), sum(price), sum(length(note)) FROM item;
PRAGMA wal_checkpoint(truncate);
PRAGMA integrity_check;

-- The database itself mapped, under both kinds of journal, with a cache that is too small.
PRAGMA cache_size = 10;
PRAGMA mmap_size = 268435456;
SELECT sum(length(note)) FROM item WHERE name > 'item 5';
UPDATE item SET name = upper(name) WHERE id % 5 = 0;
PRAGMA journal_mode = delete;
DELETE FROM item WHERE id % 4 = 0;
SELECT count(*), sum(length(name)), sum(length(note)) FROM item;
PRAGMA integrity_check;
PRAGMA mmap_size = 0;

VACUUM;
PRAGMA auto_vacuum = full;
PRAGMA page_size = 1024;
VACUUM;
PRAGMA page_size;
DELETE FROM item WHERE id > 5000;
PRAGMA page_count;
PRAGMA integrity_check;

-- A sort and a temporary table that do not fit the cache.
PRAGMA temp_store = file;
CREATE TEMP TABLE pair AS SELECT a.id AS one, b.id AS other, hex(randomblob(50)) AS noise FROM item a JOIN item b
    ON b.id BETWEEN a.id AND a.id + 10 ORDER BY b.name, a.price;
SELECT count(*), sum(one * other) FROM pair;
SELECT one FROM pair ORDER BY other DESC, one LIMIT 3;

CREATE VIRTUAL TABLE text USING fts5 (body);
INSERT INTO text SELECT 'row ' || id || ' says ' || name FROM item;
SELECT count(*) FROM text WHERE text MATCH 'says AND item';
INSERT INTO text (text) VALUES ('integrity-check');
CREATE VIRTUAL TABLE area USING rtree (id, x0, x1);
INSERT INTO area SELECT id, id, id + 2 FROM item;
SELECT count(*) FROM area WHERE x0 <= 1000 AND x1 >= 990;

ATTACH 'second.db' AS second;
CREATE TABLE second.copy AS SELECT * FROM item;
BEGIN; DELETE FROM copy WHERE id < 100; DELETE FROM item WHERE id < 100; COMMIT;
SELECT (SELECT count(*) FROM copy) = (SELECT count(*) FROM item);
PRAGMA second.integrity_check;
PRAGMA foreign_key_check;
PRAGMA integrity_check;
.backup saved.db
.sha3sum
