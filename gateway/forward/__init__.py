"""The forward proxy: memory for any client of a model by changing one URL."""
