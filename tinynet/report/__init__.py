"""Reports on models, runs and graphs: tables, plots, pictures and drawings. Nothing here trains."""
