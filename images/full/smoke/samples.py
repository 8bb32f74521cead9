"""Sample data and small models are where tutorials look for them."""

import ace_tools
import nltk
import pandas as pd
import seaborn as sns
import spacy
import vega_datasets
from google.colab import files
from nltk.corpus import stopwords, wordnet
from nltk.sentiment import SentimentIntensityAnalyzer
from textblob import TextBlob

assert sns.load_dataset('tips').shape == (244, 7)
assert sns.load_dataset('penguins').shape == (344, 7)
assert sns.load_dataset('flights').shape == (144, 3)
assert sns.load_dataset('iris').shape == (150, 5)
assert sns.load_dataset('diamonds').shape == (53940, 10)
assert sns.load_dataset('mpg').shape == (398, 9)
try:
    sns.load_dataset('fmri')
except ValueError as error:
    assert 'tips' in str(error)
for part in ('punkt', 'punkt_tab', 'stopwords', 'vader_lexicon', 'wordnet', 'averaged_perceptron_tagger_eng'):
    assert nltk.download(part, quiet=True)
assert not nltk.download('brown', quiet=True)
assert nltk.word_tokenize("Don't panic.") == ['Do', "n't", 'panic', '.']
assert nltk.pos_tag(['The', 'dog', 'barks'])[1][1] == 'NN'
assert 'the' in stopwords.words('english')
assert SentimentIntensityAnalyzer().polarity_scores('great')['compound'] > 0
assert wordnet.synsets('dog')[0].lexname() == 'noun.animal'
assert TextBlob('This is great').sentiment.polarity > 0
assert spacy.load('en_core_web_sm')('Apple bought a firm in Berlin.').ents[0].label_ == 'ORG'
assert len(vega_datasets.data.cars()) == 406
ace_tools.display_dataframe_to_user('Cities', pd.DataFrame({'city': ['Oslo']}))
with open('a.txt', 'w') as file:
    file.write('a')
assert files.upload() == {'a.txt': b'a'}
