package parley;

import java.util.Map;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.cjk.CJKBigramFilter;
import org.apache.lucene.analysis.cjk.CJKWidthFilter;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenFilter;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/**
 * Gives back the names of Elasticsearch's module analysis-common that a mapping
 * of Parley's may use. The module itself comes with the archive only; the
 * Lucene classes behind the names are the same.
 */
public final class StockAnalysis extends Plugin implements AnalysisPlugin {
    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of(
            "cjk_bigram", (index, env, name, settings) -> new AbstractTokenFilterFactory(name, settings) {
                @Override
                public TokenStream create(TokenStream in) {
                    return new CJKBigramFilter(
                        in,
                        CJKBigramFilter.HAN | CJKBigramFilter.HIRAGANA | CJKBigramFilter.KATAKANA | CJKBigramFilter.HANGUL,
                        settings.getAsBoolean("output_unigrams", false)
                    );
                }
            },
            "cjk_width", (index, env, name, settings) -> new AbstractTokenFilterFactory(name, settings) {
                @Override
                public TokenStream create(TokenStream in) {
                    return new CJKWidthFilter(in);
                }
            },
            "edge_ngram", (index, env, name, settings) -> new AbstractTokenFilterFactory(name, settings) {
                @Override
                public TokenStream create(TokenStream in) {
                    return new EdgeNGramTokenFilter(
                        in,
                        settings.getAsInt("min_gram", 1),
                        settings.getAsInt("max_gram", 2),
                        settings.getAsBoolean("preserve_original", false)
                    );
                }
            }
        );
    }
}
