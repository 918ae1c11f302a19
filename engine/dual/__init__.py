"""How large <g, phi> gets: reads the features, the gauge and one point g of F; never a loss or a problem."""
