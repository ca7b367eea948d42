"""The equations at a state become linear responses to what is held or changed there."""
