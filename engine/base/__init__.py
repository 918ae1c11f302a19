"""What everything rests on: errors, checks of arguments, arrays, threads, progress. It knows no problem and no kernel."""
