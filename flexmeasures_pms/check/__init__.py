"""Check an installation before its first start, also where FlexMeasures can't start yet."""
