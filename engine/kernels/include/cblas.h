/* The BLAS that compiled ridge kernels call.

   Pythran turns numpy.dot of two matrices into cblas_dgemm. Instead of linking a BLAS, which a new machine does not
   have, this header finds SciPy's own dgemm in the function table that scipy.linalg.cython_blas publishes for compiled
   callers. The other functions are declared because Pythran's templates name them; no kernel calls them. */
#ifndef CONICFLOW_CBLAS_H
#define CONICFLOW_CBLAS_H

#include <Python.h>
#include <stdexcept>

enum CBLAS_ORDER { CblasRowMajor = 101, CblasColMajor = 102 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112, CblasConjTrans = 113 };

namespace conicflow
{
  /* Fortran's dgemm: everything by address, matrices by columns. */
  using dgemm_t = void (*)(char *, char *, int *, int *, int *, double *, double *, int *, double *, int *, double *,
                           double *, int *);

  inline dgemm_t find_dgemm()
  {
    void *found = nullptr;
    PyGILState_STATE state = PyGILState_Ensure(); /* kernels run without the lock */
    if (PyObject *module = PyImport_ImportModule("scipy.linalg.cython_blas")) {
      if (PyObject *table = PyObject_GetAttrString(module, "__pyx_capi__")) {
        if (PyObject *capsule = PyDict_GetItemString(table, "dgemm"))
          found = PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule));
        Py_DECREF(table);
      }
      Py_DECREF(module);
    }
    PyErr_Clear();
    PyGILState_Release(state);
    if (!found)
      throw std::runtime_error("ridge kernels need the BLAS of SciPy: scipy.linalg.cython_blas has no dgemm");
    return reinterpret_cast<dgemm_t>(found);
  }
}

/* Row-major C = A·B is column-major Cᵀ = Bᵀ·Aᵀ: the two factors change places. */
inline void cblas_dgemm(int, int transpose_a, int transpose_b, int rows, int columns, int inner, double alpha,
                        const double *a, int stride_a, const double *b, int stride_b, double beta, double *c,
                        int stride_c)
{
  static conicflow::dgemm_t const dgemm = conicflow::find_dgemm();
  char first = transpose_b == CblasNoTrans ? 'N' : 'T', second = transpose_a == CblasNoTrans ? 'N' : 'T';
  dgemm(&first, &second, &columns, &rows, &inner, &alpha, const_cast<double *>(b), &stride_b, const_cast<double *>(a),
        &stride_a, &beta, c, &stride_c);
}

extern "C" {
float cblas_sdot(int, const float *, int, const float *, int);
double cblas_ddot(int, const double *, int, const double *, int);
void cblas_cdotu_sub(int, const void *, int, const void *, int, void *);
void cblas_zdotu_sub(int, const void *, int, const void *, int, void *);
void cblas_sgemv(int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
void cblas_dgemv(int, int, int, int, double, const double *, int, const double *, int, double, double *, int);
void cblas_cgemv(int, int, int, int, const void *, const void *, int, const void *, int, const void *, void *, int);
void cblas_zgemv(int, int, int, int, const void *, const void *, int, const void *, int, const void *, void *, int);
void cblas_sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
void cblas_cgemm(int, int, int, int, int, int, const void *, const void *, int, const void *, int, const void *, void *,
                 int);
void cblas_zgemm(int, int, int, int, int, int, const void *, const void *, int, const void *, int, const void *, void *,
                 int);
}

#endif
