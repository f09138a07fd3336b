module xload

go 1.21
