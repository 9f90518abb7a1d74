"""The star: dimensions and facts, for people and BI tools."""
