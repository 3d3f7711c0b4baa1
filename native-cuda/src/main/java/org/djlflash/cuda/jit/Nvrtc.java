package org.djlflash.cuda.jit;

import com.sun.jna.Library;
import com.sun.jna.Pointer;
import com.sun.jna.StringArray;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;

/** The functions of NVRTC that are used, named as in its header. */
interface Nvrtc extends Library {

    int nvrtcVersion(IntByReference major, IntByReference minor);

    String nvrtcGetErrorString(int result);

    int nvrtcCreateProgram(
            PointerByReference program,
            String source,
            String name,
            int headerCount,
            Pointer headers,
            Pointer includeNames);

    int nvrtcDestroyProgram(PointerByReference program);

    int nvrtcCompileProgram(Pointer program, int optionCount, StringArray options);

    int nvrtcGetProgramLogSize(Pointer program, LongByReference size);

    int nvrtcGetProgramLog(Pointer program, byte[] log);

    int nvrtcGetCUBINSize(Pointer program, LongByReference size);

    int nvrtcGetCUBIN(Pointer program, byte[] cubin);
}
