"""Write readings as beliefs, and keep the newest readings."""
