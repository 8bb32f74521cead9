"""TensorFlow and Keras compute and learn on the processor."""

import keras
import onnxruntime
import tensorflow as tf

assert tf.constant([1, 2]).numpy().sum() == 3
model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
model.compile('sgd', 'mse')
model.fit(tf.constant([[0.0], [1.0]]), tf.constant([[1.0], [3.0]]), epochs=2, verbose=0)
assert model(tf.constant([[2.0]])).shape == (1, 1)
assert onnxruntime.get_available_providers()
