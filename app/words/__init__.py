"""What a terminal shows: tables, sentences, progress. Every number is a result's, and no word says more than it."""
