"""What PBXs and carriers limit with: the bank that the governor learns on, and the lab's throttles."""
