"""The module of an annotation platform's package: answers prompt items with whatever the manifest names."""

import json

import dtlpy as dl

import prewarm


@dl.Package.decorators.module(name="model-adapter", init_inputs={"model_entity": dl.Model})
class ModelAdapter(dl.BaseModelAdapter):
    def load(self, local_path, **kwargs):
        self.entry = prewarm.open_entry(self.configuration["entry"], self.configuration.get("manifest"))

    def prepare_item_func(self, item):
        return json.load(item.download(save_locally=False))

    def predict(self, batch, **kwargs):
        return [self.collected(annotations) for annotations in self.entry.annotate(batch)]

    def collected(self, annotations):
        found = dl.AnnotationCollection()
        for one in annotations:
            text, key = dl.FreeText(text=one["coordinates"]), one["metadata"]["system"]["promptId"]
            found.add(annotation_definition=text, prompt_id=key, model_info=one["metadata"]["user"]["model"])
        return found
