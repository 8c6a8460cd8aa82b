-- How much the model that answered reads at most, where its provider's list says so.
ALTER TABLE model_calls ADD COLUMN window INTEGER;
