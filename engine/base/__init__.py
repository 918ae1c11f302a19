"""What everything rests on: errors, validation of arguments, arrays, threads, progress. It knows no problem and no kernel."""
