"""What projects use: counted for every call, bounded where a project has limits."""
