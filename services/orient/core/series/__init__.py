"""How far each reading is from normal: the rows of the series, their state, the scores."""
