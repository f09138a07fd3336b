-- Nothing: the number is another file's.
SELECT 0;
