#include <math.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "data/classify_train.h"

struct scored {
    double score;
    uint8_t positive;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return (x->score > y->score) - (x->score < y->score);
}

int classify_auc(const double *score, const uint8_t *positive, size_t n, double *out, struct err *e)
{
    struct scored *s = mem_alloc(n, sizeof *s);
    if (!s) return err_oom(e, (uint64_t)n * sizeof *s, "scores");
    for (size_t i = 0; i < n; i++)
        s[i] = (struct scored){score[i], positive[i]};
    qsort(s, n, sizeof *s, by_score);
    double below = 0, wins = 0; /* negatives below; pairs in the right order */
    uint64_t pos = 0;
    for (size_t i = 0; i < n;) {
        size_t j = i, p = 0;
        for (; j < n && s[j].score == s[i].score; j++)
            p += s[j].positive;
        double neg = (double)(j - i - p);
        wins += (double)p * (below + neg / 2);
        below += neg;
        pos += p;
        i = j;
    }
    free(s);
    *out = pos && below > 0 ? wins / ((double)pos * below) : 0.5;
    return 0;
}

/* log(1 + e^x) */
static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* Newton's method on two numbers (Lin, Lin and Weng, 2007), with Platt's
 * targets, which keep perfectly separated data finite. */
void classify_platt(const double *z, const uint8_t *y, size_t n, double *scale, double *shift)
{
    size_t pos = 0;
    for (size_t i = 0; i < n; i++)
        pos += y[i];
    double hi = ((double)pos + 1) / ((double)pos + 2), lo = 1 / ((double)(n - pos) + 2);
    double a = 1, b = 0, best = HUGE_VAL;
    double da = 0, db = 0, step = 1;
    for (int it = 0; it < 100; it++) {
        double f = 0, ga = 0, gb = 0, haa = 1e-12, hab = 0, hbb = 1e-12;
        for (size_t i = 0; i < n; i++) {
            double t = y[i] ? hi : lo, m = a * z[i] + b, p = 1 / (1 + exp(-m)), h = p * (1 - p);
            f += softplus(m) - t * m;
            ga += (p - t) * z[i];
            gb += p - t;
            haa += h * z[i] * z[i];
            hab += h * z[i];
            hbb += h;
        }
        if (f > best) { /* too far: go half way back */
            step /= 2;
            if (step < 1e-10) break;
            a += step * da;
            b += step * db;
            continue;
        }
        best = f;
        step = 1;
        if (fabs(ga) < 1e-9 * (double)n && fabs(gb) < 1e-9 * (double)n) break;
        double det = haa * hbb - hab * hab;
        if (!(det > 0)) break;
        da = (hbb * ga - hab * gb) / det;
        db = (haa * gb - hab * ga) / det;
        a -= da;
        b -= db;
    }
    if (!isfinite(a) || !isfinite(b) || a < 1e-3) { /* scores that tell nothing: their share of positives */
        double mean = 0;
        for (size_t i = 0; i < n; i++)
            mean += z[i] / (double)n;
        a = 1e-3; /* keeps their order */
        b = log(((double)pos + 1) / ((double)(n - pos) + 1)) - a * mean;
    }
    *scale = a;
    *shift = b;
}

static double loss_at(const float *z, const int32_t *y, size_t n, int k, double scale)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++, z += k) {
        double max = (double)z[0], s = 0;
        for (int j = 1; j < k; j++)
            if ((double)z[j] > max) max = (double)z[j];
        for (int j = 0; j < k; j++)
            s += exp(scale * ((double)z[j] - max));
        sum += log(s) - scale * ((double)z[y[i]] - max);
    }
    return sum;
}

/* The loss is convex in the scale: golden section on its logarithm. */
double classify_temperature(const float *z, const int32_t *y, size_t n, int k)
{
    const double g = 0.6180339887498949;
    double lo = log(0.02), hi = log(50), a = hi - g * (hi - lo), b = lo + g * (hi - lo);
    double fa = loss_at(z, y, n, k, exp(a)), fb = loss_at(z, y, n, k, exp(b));
    for (int i = 0; i < 30; i++) {
        if (fa < fb) {
            hi = b;
            b = a;
            fb = fa;
            a = hi - g * (hi - lo);
            fa = loss_at(z, y, n, k, exp(a));
        } else {
            lo = a;
            a = b;
            fa = fb;
            b = lo + g * (hi - lo);
            fb = loss_at(z, y, n, k, exp(b));
        }
    }
    return exp((lo + hi) / 2);
}
