"""What each partner is given and has confirmed: cleared CDRs, statements, and the jobs behind them."""
