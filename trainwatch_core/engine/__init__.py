"""The corridor that puts effects in order."""
