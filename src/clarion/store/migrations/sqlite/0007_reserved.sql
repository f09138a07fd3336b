-- The number is kept for a part that is not here yet.
SELECT 1;
