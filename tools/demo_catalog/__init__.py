"""The parts of tools/demo_catalog/demo-catalog: which drawings there are, their text, their pictures, and vectors of both."""
