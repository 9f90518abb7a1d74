"""What people and BI tools read: Parquet files of the star, replaced whole, never locked."""
