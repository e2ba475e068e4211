"""Ranks sentences by their nearness to a query. Start it with: prewarm run -- streamlit run app.py"""

import streamlit as st
import torch
from transformers import AutoModel, AutoTokenizer

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
SENTENCES = """The cat sleeps on the warm windowsill.
Interest rates were raised by a quarter of a point.
The striker scored twice in the second half.
Add the flour slowly, and stir until the dough is smooth.
The telescope found water in the air of a distant planet.
The train to the coast leaves at seven."""


@st.cache_resource(show_spinner="Loading the model …")
def load():
    return AutoTokenizer.from_pretrained(MODEL), AutoModel.from_pretrained(MODEL).eval()


def embed(texts):
    tokenizer, model = load()
    batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        tokens = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    return torch.nn.functional.normalize((tokens * mask).sum(1) / mask.sum(1), dim=1)


st.title("Which sentence is nearest?")
sentences = st.text_area("Sentences, one a line", SENTENCES, height=190).splitlines()
query = st.text_input("Query", "What does the central bank do?")
if query and sentences:
    vectors = embed([query, *sentences])
    scores = (vectors[1:] @ vectors[0]).tolist()
    for score, sentence in sorted(zip(scores, sentences, strict=True), reverse=True):
        st.progress(max(0.0, score), text=f"{score:.2f}  {sentence}")
st.session_state.runs = st.session_state.get("runs", 0) + 1
st.caption(f"Run {st.session_state.runs} of this session, for: {query}")
