"""A Power BI project over the export: semantic model and report, made from the export's contract."""
