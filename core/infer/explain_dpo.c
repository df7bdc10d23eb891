/* Why preferences of pairs are enough to train on: direct preference optimisation
 * in a world of a few answers, where everything can be counted. */
#include <math.h>
#include <string.h>

#include "core/base/width.h"
#include "core/infer/explain.h"

enum { MOST = EXPLAIN_DPO_MOST, COLUMN = 12 };

/* Answers a, b ...: logits of the model and of the reference, rewards, and the best model. */
struct world {
    const struct explain_dpo *d;
    double ref[MOST], reward[MOST], best[MOST], logit[MOST], pi[MOST];
};

static double sigmoid(double z)
{
    return 1 / (1 + exp(-z));
}

static void softmax(const double *logit, int n, double *p)
{
    double sum = 0, most = logit[0];
    for (int i = 1; i < n; i++) most = fmax(most, logit[i]);
    for (int i = 0; i < n; i++) sum += p[i] = exp(logit[i] - most);
    for (int i = 0; i < n; i++) p[i] /= sum;
}

/* The first answer is the best, and the reference gives it least often. */
static void begin(struct world *w)
{
    int n = w->d->n;
    double tilted[MOST];
    for (int i = 0; i < n; i++) {
        w->ref[i] = 2.0 * (i + 1) / (n * (n + 1));
        w->reward[i] = n - 1 - i;
        w->logit[i] = log(w->ref[i]);
        tilted[i] = w->logit[i] + w->reward[i] / w->d->beta;
    }
    softmax(tilted, n, w->best);
    softmax(w->logit, n, w->pi);
}

/* z of DPO for a against b. */
static double margin(const struct world *w, int a, int b)
{
    return w->d->beta * ((w->logit[a] - log(w->ref[a])) - (w->logit[b] - log(w->ref[b])));
}

/* Mean loss of all pairs, and its gradient for the logits; certain: the better one wins always,
 * else as often as Bradley and Terry say. */
static double loss(const struct world *w, bool certain, double *gradient)
{
    int n = w->d->n, pairs = n * (n - 1) / 2;
    double sum = 0;
    memset(gradient, 0, (size_t)n * sizeof *gradient);
    for (int a = 0; a < n; a++)
        for (int b = a + 1; b < n; b++) {
            double wins = certain ? 1 : sigmoid(w->reward[a] - w->reward[b]), z = margin(w, a, b), s = sigmoid(z);
            sum += wins * log1p(exp(-z)) + (1 - wins) * log1p(exp(z));
            gradient[a] += w->d->beta * (s - wins) / pairs;
            gradient[b] -= w->d->beta * (s - wins) / pairs;
        }
    return sum / pairs;
}

static void row(const struct world *w, int step, double value, bool distance, struct buf *out)
{
    double most = 0;
    buf_printf(out, "  %6d  %7.4f ", step, value);
    for (int i = 0; i < w->d->n; i++) {
        buf_printf(out, "%*.3f", COLUMN, w->pi[i]);
        most = fmax(most, fabs(w->pi[i] - w->best[i]));
    }
    if (distance) buf_printf(out, "%*.3f", COLUMN, most);
    buf_addc(out, '\n');
}

/* Gradient descent from the reference; lines at 0, 1, 10, 100 ... and at the end. */
static void learn(struct world *w, bool certain, struct buf *out)
{
    double gradient[MOST], value;
    int n = w->d->n, shown = 0;
    double rate = 2 * (n - 1) / (w->d->beta * w->d->beta); /* one over the largest curvature: never too far */
    begin(w);
    buf_adds(out, "    step     loss ");
    for (int i = 0; i < n; i++) buf_add_column(out, w->d->word[i], COLUMN, true);
    if (!certain) buf_add_column(out, "off by", COLUMN, true);
    buf_addc(out, '\n');
    for (int step = 0;; step++) {
        value = loss(w, certain, gradient);
        if (step == shown || step == w->d->steps) {
            row(w, step, value, !certain, out);
            shown = shown ? shown * 10 : 1;
        }
        if (step == w->d->steps) return;
        for (int i = 0; i < n; i++) w->logit[i] -= rate * gradient[i];
        softmax(w->logit, n, w->pi);
    }
}

static void wanted(const struct world *w, struct buf *out)
{
    buf_printf(out,
               "\n1. What is wanted: much reward, but near what the model does now,\n"
               "     maximise  sum_y pi(y) r(y) - beta KL(pi || ref)            here beta = %g\n"
               "   The best pi can be written down:  pi*(y) = ref(y) e^(r(y) / beta) / Z\n\n"
               "   answer          ref      r     pi*    beta log(pi*/ref)\n",
               w->d->beta);
    for (int i = 0; i < w->d->n; i++) {
        buf_adds(out, "   ");
        buf_add_column(out, w->d->word[i], COLUMN, false);
        buf_printf(out, " %6.3f %6.2f %7.3f %12.3f\n", w->ref[i], w->reward[i], w->best[i],
                   w->d->beta * log(w->best[i] / w->ref[i]));
    }
    buf_printf(out,
               "\n2. Turned round, a model is its own reward:  r(y) = beta log(pi*(y) / ref(y)) + beta log Z.\n"
               "   beta log Z is the same for all answers (the last column is %.3f below r in each row), so\n"
               "   where two answers are compared it falls out.\n",
               w->reward[0] - w->d->beta * log(w->best[0] / w->ref[0]));
}

static void compared(const struct world *w, struct buf *out)
{
    double wins = sigmoid(w->reward[0] - w->reward[1]);
    buf_printf(out,
               "\n3. Who compares prefers a to b with  P = sigmoid(r_a - r_b)  (Bradley and Terry): '%s' to\n"
               "   '%s' in %.1f %% of all cases. Put 2 in for r, and the loss of such an answer needs no r:\n"
               "     z = beta (log pi(a)/ref(a) - log pi(b)/ref(b)),   loss = -log sigmoid(z)\n"
               "   It is a logistic regression whose logit is a ratio of the model's probabilities. Its\n"
               "   gradient raises a and lowers b, by beta (1 - sigmoid(z)): most where the model is wrong.\n"
               "   Before training pi = ref: z = %.3f, loss %.4f, weight %.3f.\n"
               "   Of pi*: z = %.3f, sigmoid(z) = %.3f: the loss is least where the model says what is said.\n",
               w->d->word[0], w->d->word[1], 100 * wins, margin(w, 0, 1) + 0.0, log(2), w->d->beta / 2,
               w->reward[0] - w->reward[1], wins);
}

void explain_dpo(const struct explain_dpo *d, struct buf *out)
{
    struct world w = {.d = d};
    begin(&w);
    buf_printf(out, "Direct preference optimisation (DPO, arXiv:2305.18290): from 'this answer is better than that' to a\n"
                    "better model, without a model of rewards and without sampling. Here a question has %d answers, the\n"
                    "best first; ref is how often the model gives each now, r what each is worth. DPO never sees r.\n",
               d->n);
    wanted(&w, out);
    compared(&w, out);
    buf_adds(out, "\n4. Learning from all pairs, each preferred as often as P says (off by: the most that one is from pi*):\n\n");
    learn(&w, false, out);
    buf_adds(out, "     pi*          ");
    for (int i = 0; i < d->n; i++) buf_printf(out, "%*.3f", COLUMN, w.best[i]);
    buf_adds(out, "\n   Comparisons alone lead to the pi* of rewards that were never shown.\n"
                  "\n5. Where it goes wrong: the better answer always wins, as in data with one label a pair:\n\n");
    learn(&w, true, out);
    buf_adds(out, "   No z is ever enough, the loss falls on and on, and pi leaves ref for one answer: beta no longer\n"
                  "   holds it. Only differences count, too: an answer that wins most of its pairs may lose\n"
                  "   probability. So: few steps, a look at the chosen answers' probability, a loss on them beside\n"
                  "   it, uncertain labels, or a target for z (IPO, arXiv:2310.12036).\n");
}
