"""What makes and compares graphs, in a worker. Imports torch, transformers and ONNX where it uses them."""
