"""Lists of numbers to call: imported, checked, called at a pace, and reported."""
