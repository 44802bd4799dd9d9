"""
Agentic recall driven by a language model.

What the rules found is shown to the model first, under names that hold for this recall alone. It calls tools (`toolbox`), hop by
hop within bounds (`driver`), and names at last what answers the query. All stored text that it is shown stands in a fence, a line
of JSON for each item (`shown`). Whatever it does wrong costs a hop; whatever fails leaves what the rules found.
"""
