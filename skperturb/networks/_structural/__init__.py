"""What the structure of a network says of its responses: an ensemble of all kinetics that the structure allows."""
