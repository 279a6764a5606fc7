"""The loop on a schedule: what is new comes in, is learnt, judged, served and watched."""
